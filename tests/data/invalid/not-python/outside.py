def rule(event):
    return True

return False
