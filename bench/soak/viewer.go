package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// viewers makes viewers.
type viewers struct {
	site *site
	api  *webrtc.API
	http *http.Client
}

func newViewers(s *site) (*viewers, error) {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	set.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return &viewers{
		site: s, http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		api: webrtc.NewAPI(webrtc.WithSettingEngine(set), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{})),
	}, nil
}

// one is the life of a viewer; n decides which life.
func (v *viewers) one(ctx context.Context, n int) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	pc, err := v.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pc.GracefulClose()) }()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		return err
	}
	picture := make(chan struct{})
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if _, _, err := tr.ReadRTP(); err == nil {
			close(picture)
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		return err
	}
	sdp := offer.SDP
	if n%10 == 9 { // one in ten is refused
		sdp = strings.ReplaceAll(sdp, "H264", "H263")
	}
	at, answer, err := v.post(ctx, v.site.ids[n%len(v.site.ids)], sdp)
	if n%10 == 9 {
		if err == nil {
			err = errors.New("an offer without H.264 was taken")
		} else if errors.Is(err, errRefused) {
			err = nil
		}
		return err
	}
	if err != nil {
		return err
	}
	if n%10 == 8 { // one in ten never connects
		return v.remove(ctx, at)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	select {
	case <-picture:
	case <-ctx.Done():
		return fmt.Errorf("viewer %d: no picture comes: the connection is %s", n, pc.ConnectionState())
	}
	if n%10 == 7 { // one in ten closes without a word over HTTP
		return nil
	}
	return v.remove(ctx, at)
}

var errRefused = errors.New("refused")

func (v *viewers) post(ctx context.Context, camera, offer string) (at, answer string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.site.url+"/whep/"+camera+"?stream=sub", strings.NewReader(offer))
	if err != nil {
		return "", "", err
	}
	r.Header.Set("Content-Type", "application/sdp")
	res, err := v.http.Do(r) //nolint:gosec // G704: the hub of this process
	if err != nil {
		return "", "", err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%w: %s: %s", errRefused, res.Status, b)
	}
	return res.Header.Get("Location"), string(b), err
}

func (v *viewers) remove(ctx context.Context, at string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, v.site.url+at, nil)
	if err != nil {
		return err
	}
	res, err := v.http.Do(r) //nolint:gosec // G704: the hub of this process
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("DELETE: %s", res.Status)
	}
	return nil
}
