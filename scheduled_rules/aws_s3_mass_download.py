# Whose work it is to read whole buckets.
READERS = (":assumed-role/backup-role/",)

GIBIBYTE = 1024**3


def short_name(event):
    return (event.get("principal") or "unknown principal").rsplit("/", maxsplit=1)[-1]


def rule(event):
    principal = event.get("principal") or ""
    return not any(reader in principal for reader in READERS)


def title(event):
    return f"AWS: {short_name(event)} downloaded {event.get('objects')} objects from {event.get('bucket')}"


def dedup(event):
    return f"{event.get('principal')} {event.get('bucket')}"


def severity(event):
    return "HIGH" if (event.get("bytes_out") or 0) >= GIBIBYTE else "DEFAULT"


def alert_context(event):
    return {
        "account_id": event.get("account_id"),
        "bucket": event.get("bucket"),
        "objects": event.get("objects"),
        "bytes_out": event.get("bytes_out"),
        "client_ips": event.get("client_ips"),
    }
