SEEN = 0


def rule(event):
    global SEEN
    SEEN += 1
    return SEEN > 5
