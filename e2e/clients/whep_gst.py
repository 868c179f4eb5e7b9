#!/usr/bin/python3
"""A WHEP player that the project did not write the WebRTC of: GStreamer's webrtcbin
with libnice's ICE, since Debian 12 has no whepsrc.

    whep_gst.py '{"url": "http://host/whep/cam-1", "token": "…", "frames": 100, "seconds": 20}'

Plays until so many pictures were decoded, ends the session by DELETE and prints what
it saw as JSON: {"status", "location", "etag", "width", "height", "frames",
"first_ms", "deleted"}. An error is {"error": "…"}, with exit code 1.
"""
import json
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

args = json.loads(sys.argv[1])
Gst.init(None)
loop = GLib.MainLoop()
seen = {"frames": 0}
H264 = "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=102,packetization-mode=(string)1,profile-level-id=(string)42e01f"


def ask(method, url, body=None, headers=None):
    headers = dict(headers or {})
    if args.get("token"):
        headers["Authorization"] = "Bearer " + args["token"]
    request = urllib.request.Request(url, body.encode() if body else None, headers, method=method)
    return urllib.request.urlopen(request, timeout=10)


def end(error=None):
    if error:
        seen["error"] = str(error)
    GLib.idle_add(loop.quit)


pipeline = Gst.Pipeline.new()
rtc = Gst.ElementFactory.make("webrtcbin")
rtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
pipeline.add(rtc)


def picture(sink, buffer, pad):
    if seen["frames"] == 0:
        seen["first_ms"] = round((time.monotonic() - seen.pop("posted")) * 1000)
        shape = pad.get_current_caps().get_structure(0)
        seen["width"], seen["height"] = shape.get_int("width")[1], shape.get_int("height")[1]
    seen["frames"] += 1
    if seen["frames"] == args.get("frames", 100):
        end()


def incoming(_, pad):
    if pad.get_direction() != Gst.PadDirection.SRC:
        return
    play = Gst.parse_bin_from_description(
        "queue ! rtph264depay request-keyframe=true ! h264parse ! openh264dec ! fakesink name=screen sync=false signal-handoffs=true", True
    )
    play.get_by_name("screen").connect("handoff", picture)
    pipeline.add(play)
    play.sync_state_with_parent()
    pad.link(play.get_static_pad("sink"))


def post(offer):
    """The POST of WHEP; GStreamer's candidates are learnt by the server from its checks."""
    try:
        seen["posted"] = time.monotonic()
        with ask("POST", args["url"], offer, {"Content-Type": "application/sdp"}) as r:
            seen["status"], seen["etag"] = r.status, r.headers["ETag"]
            seen["location"] = urllib.parse.urljoin(args["url"], r.headers["Location"])
            answer = r.read().decode()
    except urllib.error.HTTPError as e:
        return end(f"{e.code} {e.read().decode()}")
    except Exception as e:  # noqa: BLE001 - it is what is told
        return end(e)
    _, sdp = GstSdp.SDPMessage.new_from_text(answer)
    rtc.emit("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp), Gst.Promise.new())


def offered(promise, *_):
    reply = promise.get_reply()  # owns the offer
    offer = reply.get_value("offer")
    rtc.emit("set-local-description", offer, Gst.Promise.new())
    threading.Thread(target=post, args=(offer.sdp.as_text(),), daemon=True).start()


def failed(_, message):
    error, debug = message.parse_error()
    end(f"{error.message}: {debug}")


rtc.connect("pad-added", incoming)
rtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(H264))
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message::error", failed)
pipeline.set_state(Gst.State.PLAYING)
rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(offered))
GLib.timeout_add_seconds(args.get("seconds", 20), lambda: end(f"{seen['frames']} pictures in time"))
loop.run()
if "location" in seen:
    try:
        with ask("DELETE", seen["location"]) as r:
            seen["deleted"] = r.status
    except urllib.error.HTTPError as e:
        seen["deleted"] = e.code
pipeline.set_state(Gst.State.NULL)
seen.pop("posted", None)
print(json.dumps(seen), flush=True)
sys.exit(1 if "error" in seen else 0)
