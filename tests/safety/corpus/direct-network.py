# === sockets # runs
import socket
socket.socket()  #> SOCKET
socket.create_connection(('127.0.0.1', 9))  #> SOCKET
socket.socketpair()  #> SOCKET
# === names of hosts # runs
import socket
socket.getaddrinfo('localhost', 80)  #> NETWORK_REQUEST
socket.gethostbyname('localhost')  #> NETWORK_REQUEST
# === a URL # runs
from urllib.request import urlopen
urlopen(url)  #> NETWORK_REQUEST
# === a connection of http.client
import http.client
http.client.HTTPSConnection('example.org')  #> NETWORK_REQUEST
# === mail # runs
import imaplib, poplib, smtplib
smtplib.SMTP('127.0.0.1', 9)  #> NETWORK_REQUEST
poplib.POP3('127.0.0.1', 9)  #> NETWORK_REQUEST
imaplib.IMAP4('127.0.0.1', 9)  #> NETWORK_REQUEST
# === file transfer # runs
import ftplib
ftplib.FTP('127.0.0.1')  #> NETWORK_REQUEST
# === remote procedures
from xmlrpc.client import ServerProxy
ServerProxy(url).method()  #> NETWORK_REQUEST
# === clients of packages
import aiohttp, httpx, urllib3
httpx.get(url)  #> NETWORK_REQUEST
httpx.Client()  #> NETWORK_REQUEST
aiohttp.ClientSession()  #> NETWORK_REQUEST
urllib3.PoolManager()  #> NETWORK_REQUEST
# === clients of services
import boto3, paramiko, redis
boto3.client('s3')  #> NETWORK_REQUEST
paramiko.SSHClient()  #> NETWORK_REQUEST
redis.Redis()  #> NETWORK_REQUEST
# === servers # runs
import http.server, socketserver
http.server.HTTPServer(('127.0.0.1', 0), http.server.BaseHTTPRequestHandler)  #> SOCKET
socketserver.TCPServer(('127.0.0.1', 0), socketserver.BaseRequestHandler)  #> SOCKET
# === servers of asyncio
import asyncio
async def main():
    server = await asyncio.start_server(handle, '127.0.0.1', 0)  #> SOCKET
# === connections between processes
from multiprocessing.connection import Client, Listener
Listener(('127.0.0.1', 0))  #> SOCKET
Client(('127.0.0.1', 9))  #> SOCKET
# === a log that goes over the network # runs
import logging.handlers
logging.handlers.DatagramHandler('127.0.0.1', 9).makeSocket()  #> SOCKET
# === encrypted sockets
import socket, ssl
context = ssl.create_default_context()
context.wrap_socket(connection, server_hostname='example.org')  #> SOCKET
