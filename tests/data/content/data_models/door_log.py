def kind_of_event(event):
    return {"open": "access_granted", "refuse": "access_denied"}.get(event.get("ACTION"))
