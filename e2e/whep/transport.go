package main

import (
	"errors"
	"fmt"

	"github.com/pion/dtls/v3"
	"github.com/pion/webrtc/v4"
)

func gcm(v *visit) (string, error) {
	var set webrtc.SettingEngine
	set.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM)
	x, err := v.playing(way{set: set}, 20)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d packets", x.count()), nil
}

// two viewers of one stream: who shares sequence numbers shares keys, or loses packets for one of them.
func two(v *visit) (string, error) {
	var xs [2]*viewer
	for i := range xs {
		var err error
		if xs[i], err = v.playing(way{}, 20); err != nil {
			return "", err
		}
	}
	for _, x := range xs {
		if err := x.more(v.ctx, 20, v.patience); err != nil {
			return "", err
		}
		if _, err := contiguous(x, x.got(0)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d and %d", xs[0].got(0)[0].SequenceNumber, xs[1].got(0)[0].SequenceNumber), nil
}

func overTCP(v *visit) (string, error) {
	o, err := v.offer()
	if err != nil {
		return "", err
	}
	r, err := v.post(o)
	if err := created(r, err); err != nil {
		return "", err
	}
	if address(r.body, "tcp") == "" {
		return "", skipped("the answer has no TCP candidate")
	}
	var set webrtc.SettingEngine
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	x, err := v.playing(way{set: set}, 20)
	if err != nil {
		return "", err
	}
	p, err := x.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		return "", err
	}
	if p == nil || p.Remote.Protocol != webrtc.ICEProtocolTCP {
		return "", errors.New("the pictures do not come over TCP")
	}
	return fmt.Sprintf("%d packets over %s", x.count(), p.Remote.Protocol), nil
}
