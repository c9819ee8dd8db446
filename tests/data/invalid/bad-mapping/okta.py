def actor_user(event):
    return None
