from ipaddress import ip_address, ip_network

# Where our people come out when they use the VPN, wherever they sit.
VPN_EXITS = [ip_network("192.0.2.128/25")]

# The addresses of our own hosts.
INSIDE = [ip_network("10.0.0.0/8")]


def is_vpn_exit(address):
    """Say whether an address is one of our VPN's ways out."""
    return _is_in(address, VPN_EXITS)


def is_inside(address):
    """Say whether an address belongs to a host of ours."""
    return _is_in(address, INSIDE)


def _is_in(address, networks):
    try:
        return any(ip_address(address) in network for network in networks)
    except ValueError:
        return False
