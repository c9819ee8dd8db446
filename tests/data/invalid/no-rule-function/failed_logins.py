def rules(event):
    return True
