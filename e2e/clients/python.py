#!/usr/bin/python3
"""Eclipse Paho for Python as a client of the hub, told what to do by one JSON
argument; says what happens as one JSON object per line.

send:   connect, publish, wait for the acknowledgement, disconnect.
listen: connect, subscribe, report messages until standard input closes.
"""
import json
import ssl
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


talking = threading.Lock()


def say(**what):
    with talking:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def fail(reason):
    say(error=str(reason))
    sys.exit(1)


def make(o):
    five = o["v"] == 5
    if hasattr(mqtt, "CallbackAPIVersion"):  # paho 2 asks which callbacks are meant
        first = [mqtt.CallbackAPIVersion.VERSION1]
    else:
        first = []
    kind = {} if five else {"clean_session": o["clean"]}
    c = mqtt.Client(*first, client_id=o["id"], protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311, **kind)
    c.username_pw_set(o["user"], o["secret"])
    if o.get("ca"):
        c.tls_set(ca_certs=o["ca"], cert_reqs=ssl.CERT_REQUIRED)
    if o.get("will"):
        w = o["will"]
        c.will_set(w["topic"], w["payload"], qos=w["qos"], retain=w["retain"])
    more = {}
    if five:
        p = Properties(PacketTypes.CONNECT)
        if not o["clean"]:
            p.SessionExpiryInterval = 3600
        more = {"clean_start": o["clean"], "properties": p}
    connected = threading.Event()
    answer = []

    def on_connect(client, userdata, flags, rc, properties=None):
        answer.append((getattr(rc, "value", rc), flags))
        connected.set()

    c.on_connect = on_connect
    c.connect_args = (o["host"], o["port"])
    c.connect_more = more
    return c, connected, answer


def start(c, connected, answer):
    c.connect(*c.connect_args, keepalive=30, **c.connect_more)
    c.loop_start()
    if not connected.wait(10):
        fail("no CONNACK")
    if answer[0][0] != 0:
        fail("CONNACK %s" % answer[0][0])


def main():
    o = json.loads(sys.argv[1])
    c, connected, answer = make(o)
    if o["do"] == "send":
        start(c, connected, answer)
        info = c.publish(o["topic"], o["payload"], qos=o["qos"], retain=o["retain"])
        info.wait_for_publish(10)
        if not info.is_published():
            fail("not acknowledged")
        say(sent=True)
        c.disconnect()
        c.loop_stop()
        return
    subscribed = threading.Event()
    codes = []

    def on_subscribe(client, userdata, mid, granted, properties=None):
        codes.extend(getattr(g, "value", g) for g in granted)
        subscribed.set()

    c.on_subscribe = on_subscribe
    c.on_message = lambda client, userdata, m: say(topic=m.topic, payload=m.payload.decode(), qos=m.qos, retain=bool(m.retain))
    start(c, connected, answer)
    c.subscribe([(t, o["qos"]) for t in o["topics"]])
    if not subscribed.wait(10):
        fail("no SUBACK")
    say(ready=True, codes=codes)
    sys.stdin.read()
    c.disconnect()
    c.loop_stop()


main()
