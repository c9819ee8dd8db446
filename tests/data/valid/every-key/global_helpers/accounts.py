def many(event):
    return event.get('failures') > 5
