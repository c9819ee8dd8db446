import re

NAME = re.compile(r"[a-z-]+")


def is_name(text):
    return isinstance(text, str) and NAME.fullmatch(text) is not None
