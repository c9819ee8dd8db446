import random
from uuid import UUID, uuid4


def rule(event):
    return random.random() > 0.5


def dedup(event):
    return str(uuid4())
