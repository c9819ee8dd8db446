def policy(resource):
    return bool(resource["EncryptionRules"])
