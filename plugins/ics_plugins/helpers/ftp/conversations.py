"""What FTP clients and servers say to each other: the conversations that the generic tests of helpers play.

In them the host behind the gateway is 192.168.0.10 and the one in the Internet 192.0.2.80.  Each is played in both
directions, so that what is right in one is a peer's lie in the other.
"""

from icsframework.values import Side

__all__ = ["CONVERSATIONS"]

C, S = Side.CLIENT, Side.SERVER

Conversation = tuple[tuple[Side, bytes], ...]

LOGIN: Conversation = (
    (S, b"220 (vsFTPd 3.0.3)\r\n"),
    (C, b"USER anonymous\r\n"),
    (S, b"331 Please specify the password.\r\n"),
    (C, b"PASS ftp@example.com\r\n"),
    (S, b"230 Login successful.\r\n"),
    (C, b"TYPE I\r\n"),
    (S, b"200 Switching to Binary mode.\r\n"),
)

ACTIVE: Conversation = (
    *LOGIN,
    (C, b"PORT 192,168,0,10,156,65\r\n"),
    (S, b"200 PORT command successful. Consider using PASV.\r\n"),
    (C, b"RETR big\r\n"),
    (S, b"150 Opening BINARY mode data connection for big (5000000 bytes).\r\n"),
    (S, b"226 Transfer complete.\r\n"),
    (C, b"PORT 192,168,0,10,156,66\r\n"),
    (S, b"200 PORT command successful. Consider using PASV.\r\n"),
    (C, b"LIST\r\n"),
    (S, b"150 Here comes the directory listing.\r\n"),
    (S, b"226 Directory send OK.\r\n"),
    (C, b"QUIT\r\n"),
    (S, b"221 Goodbye.\r\n"),
)

EXTENDED: Conversation = (
    *LOGIN,
    (C, b"EPRT |1|192.168.0.10|40002|\r\n"),
    (S, b"200 EPRT command successful. Consider using EPSV.\r\n"),
    (C, b"STOR upload\r\n"),
    (S, b"150 Ok to send data.\r\n"),
    (S, b"226 Transfer complete.\r\n"),
    (C, b"QUIT\r\n"),
    (S, b"221 Goodbye.\r\n"),
)

PASSIVE: Conversation = (
    *LOGIN,
    (C, b"PASV\r\n"),
    (S, b"227 Entering Passive Mode (192,168,0,10,200,10).\r\n"),
    (C, b"RETR big\r\n"),
    (S, b"150 Opening BINARY mode data connection for big (5000000 bytes).\r\n"),
    (S, b"226 Transfer complete.\r\n"),
    (C, b"EPSV\r\n"),
    (S, b"229 Entering Extended Passive Mode (|||51300|)\r\n"),
    (C, b"NLST\r\n"),
    (S, b"150 Here comes the directory listing.\r\n"),
    (S, b"226 Directory send OK.\r\n"),
    (C, b"QUIT\r\n"),
    (S, b"221 Goodbye.\r\n"),
)

ENCRYPTED: Conversation = (
    (S, b"220 (vsFTPd 3.0.3)\r\n"),
    (C, b"AUTH TLS\r\n"),
    (S, b"234 Proceed with negotiation.\r\n"),
    (C, b"\x16\x03\x01\x00\x05\x01PORT 192,168,0,10,156,65\r\n"),
    (S, b"\x16\x03\x03\x00\x02\x02\x00"),
)

BOUNCE: Conversation = (
    *LOGIN,
    (C, b"PORT 192,168,0,11,156,65\r\n"),
    (C, b"PORT 192,0,2,80,156,65\r\n"),
    (C, b"EPRT |1|198.51.100.99|40002|\r\n"),
    (C, b"PORT 192,168,0,10,0,22\r\n"),
    (C, b"LIST\r\n"),
    (S, b"425 Use PORT or PASV first.\r\n"),
)

CONVERSATIONS = (ACTIVE, EXTENDED, PASSIVE, ENCRYPTED, BOUNCE)
