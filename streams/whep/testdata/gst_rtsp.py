#!/usr/bin/python3
"""An RTSP server that is not ours: GStreamer's, with test pictures.

    gst_rtsp.py USER PASSWORD [PORT]

Prints its port on a line by itself and serves rtsp://127.0.0.1:PORT/NAME with
user and password (digest), until standard input is closed. The names are those
of STREAMS below.
"""
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PLAIN = "tune=zerolatency speed-preset=ultrafast bitrate=600 key-int-max=%d"
B_FRAMES = "speed-preset=superfast rc-lookahead=5 bitrate=600 key-int-max=30 b-adapt=false bframes=%s"
STREAMS = {  # name: (width, height, profile, encoder)
    "test": (640, 360, "baseline", PLAIN % 30),
    "sub": (320, 180, "baseline", PLAIN % 30),
    "long": (640, 360, "baseline", PLAIN % 150),  # 10 s from key frame to key frame
    "b": (640, 360, "main", B_FRAMES % "2 option-string=b-pyramid=none"),
    "pyramid": (640, 360, "main", B_FRAMES % "3"),  # with B-frames that other B-frames refer to
}

user, password = sys.argv[1], sys.argv[2]
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[3] if len(sys.argv) > 3 else "0")

permissions = GstRtspServer.RTSPPermissions()
permissions.add_permission_for_role("viewer", "media.factory.access", True)
permissions.add_permission_for_role("viewer", "media.factory.construct", True)
for name, (width, height, profile, encoder) in STREAMS.items():
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},framerate=15/1 "
        f"! x264enc {encoder} ! video/x-h264,profile={profile} ! rtph264pay name=pay0 pt=96 mtu=1400 )"
    )
    factory.set_shared(True)
    factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/" + name, factory)

auth = GstRtspServer.RTSPAuth()
auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
token = GstRtspServer.RTSPToken()
token.set_string("media.factory.role", "viewer")
auth.add_digest(user, password, token)
server.set_auth(auth)

if not server.attach(None):
    sys.exit("the port is taken")
print(server.get_bound_port(), flush=True)

loop = GLib.MainLoop()


def wait():
    sys.stdin.read()
    loop.quit()


threading.Thread(target=wait, daemon=True).start()
loop.run()
