#!/usr/bin/python3
"""An RTSP server that is not ours: GStreamer's, with test pictures and sound.

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

PLAIN = "x264enc tune=zerolatency speed-preset=ultrafast bitrate=600 key-int-max=%d"
B_FRAMES = "x264enc speed-preset=superfast rc-lookahead=5 bitrate=600 key-int-max=30 b-adapt=false bframes=%s"
H265 = "x265enc speed-preset=ultrafast bitrate=600 key-int-max=30 %s"
TONE = "audiotestsrc is-live=true freq=440 volume=0.4 ! audio/x-raw,channels=1,rate=%d ! "


def video(encoder, profile="", width=640, height=360):
    """A ball that moves, in the encoder's coding."""
    kind = "h265" if encoder.startswith("x265") else "h264"
    parse = "h265parse ! " if kind == "h265" else ""
    caps = f"video/x-{kind},profile={profile} ! " if profile else ""
    return (f"videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width={width},height={height},framerate=15/1 "
            f"! {encoder} ! {caps}{parse}rtp{kind}pay name=pay0 pt=96 mtu=1400")


TICKS = "audiotestsrc is-live=true wave=ticks freq=440 volume=0.8 ! audio/x-raw,channels=1,rate=%d ! "  # one at each whole second, as each second key frame

STREAMS = {
    "test": video(PLAIN % 30, "baseline"),
    "sub": video(PLAIN % 30, "baseline", 320, 180),
    "long": video(PLAIN % 150, "baseline"),  # 10 s from key frame to key frame
    "b": video(B_FRAMES % "2 option-string=b-pyramid=none", "main"),
    "pyramid": video(B_FRAMES % "3", "main"),  # with B-frames that other B-frames refer to
    "jumbo": video(PLAIN.replace("600", "2000") % 15, "baseline", 320, 180).replace("mtu=1400", "mtu=12000").replace("ball", "snow"),
    "h265": video(H265 % "tune=zerolatency"),
    "h265-open": video(H265 % 'option-string="bframes=3:open-gop=1:scenecut=0:rc-lookahead=5"'),  # leading pictures that are skipped after a join
    "alaw": video(PLAIN % 30, "baseline") + " " + TONE % 8000 + "alawenc ! rtppcmapay name=pay1 pt=8",
    "opus": video(PLAIN % 30, "baseline") + " " + TONE % 48000 + "opusenc ! rtpopuspay name=pay1 pt=97",
    "aac": video(PLAIN % 30, "baseline") + " " + TONE % 48000 + "voaacenc bitrate=64000 ! aacparse ! rtpmp4gpay name=pay1 pt=98",
    "alaw-ticks": video(PLAIN % 30, "baseline") + " " + TICKS % 8000 + "alawenc ! rtppcmapay name=pay1 pt=8",
    "ulaw-ticks": video(PLAIN % 30, "baseline") + " " + TICKS % 8000 + "mulawenc ! rtppcmupay name=pay1 pt=0",
    "opus-ticks": video(PLAIN % 30, "baseline") + " " + TICKS % 48000 + "opusenc ! rtpopuspay name=pay1 pt=97",
    "aac-ticks": video(PLAIN % 30, "baseline") + " " + TICKS % 48000 + "voaacenc bitrate=64000 ! aacparse ! rtpmp4gpay name=pay1 pt=98",
}

user, password = sys.argv[1], sys.argv[2]
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[3] if len(sys.argv) > 3 else "0")

permissions = GstRtspServer.RTSPPermissions()
permissions.add_permission_for_role("viewer", "media.factory.access", True)
permissions.add_permission_for_role("viewer", "media.factory.construct", True)
for name, pipeline in STREAMS.items():
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {pipeline} )")
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
