def actor_user(event):
    return event.get("userIdentity")
