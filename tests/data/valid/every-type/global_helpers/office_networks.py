def is_office(address):
    return address == "192.0.2.7"
