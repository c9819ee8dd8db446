import shape_helpers


def is_admin(name):
    return shape_helpers.is_name(name) and name.startswith("adm-")
