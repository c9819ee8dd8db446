def policy(resource):
    resource["Tags"]["checked"] = "yes"
    return isinstance(resource, dict) and not resource["Grants"] and "grants" not in resource


def title(resource):
    return f"{resource['Name']} of {resource['Tags'].get('owner')} is public"
