import boto3
from urllib.parse import quote
from urllib.request import urlopen


def rule(event):
    import requests
    return requests.get(quote('x')).ok and boto3.client('s3') and urlopen('x')
