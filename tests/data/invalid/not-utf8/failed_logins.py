# café
def rule(event):
    return True
