package devices

import (
	"context"
	"errors"
	"net/http"
	"time"

	"dongyue/internal/web"
)

func (r *Registry) registerIdentity(a *web.API) {
	const tag = "devices"
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/devices/{id}/secret", Summary: "Give a device a new secret; the old one and its session end, now or after grace_s",
		Tag: tag, Action: web.DevicesWrite,
	}, r.renew)
	web.Register(a, web.Op{
		Method: http.MethodDelete, Path: "/devices/{id}", Summary: "Forget a device; its commands and events stay on record",
		Tag: tag, Action: web.DevicesWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *idInput) (*struct{}, error) { return nil, problem(r.Delete(ctx, in.ID)) })
	for path, off := range map[string]bool{"/devices/{id}/disable": true, "/devices/{id}/enable": false} {
		summary := "Let a device in again"
		if off {
			summary = "Keep a device out; its session ends"
		}
		web.Register(a, web.Op{Method: http.MethodPost, Path: path, Summary: summary, Tag: tag, Action: web.DevicesWrite},
			func(ctx context.Context, in *idInput) (*deviceOutput, error) {
				d, err := r.Disable(ctx, in.ID, off)
				if err != nil {
					return nil, problem(err)
				}
				return &deviceOutput{toJSON(&d)}, nil
			})
	}
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/devices/{id}/certificate", Summary: "Issue a client certificate, for a request or with a key that is shown once",
		Tag: tag, Action: web.DevicesWrite, Status: http.StatusCreated,
	}, r.postCertificate)
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/devices/{id}/certificates", Summary: "Certificates that were issued for a device, newest first",
		Tag: tag, Action: web.DevicesRead,
	}, r.getCertificates)
	web.Register(a, web.Op{
		Method: http.MethodDelete, Path: "/devices/{id}/certificates/{serial}", Summary: "Revoke a certificate; the device's session ends",
		Tag: tag, Action: web.DevicesWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *struct {
		ID     string `path:"id"`
		Serial string `path:"serial" maxLength:"64"`
	},
	) (*struct{}, error) {
		return nil, problem(r.Revoke(ctx, in.ID, in.Serial))
	})
}

type renewInput struct {
	ID   string `path:"id"`
	Body *struct {
		GraceS float64 `json:"grace_s,omitempty" minimum:"0" maximum:"86400" doc:"seconds in which the old secret is good as well; without it 0"`
	} `required:"false"`
}

type secretOutput struct {
	Body NewSecret
}

func (r *Registry) renew(ctx context.Context, in *renewInput) (*secretOutput, error) {
	var overlap time.Duration
	if in.Body != nil {
		overlap = time.Duration(in.Body.GraceS * float64(time.Second))
	}
	secret, err := r.Rotate(ctx, in.ID, overlap)
	if err != nil {
		return nil, problem(err)
	}
	return &secretOutput{NewSecret{in.ID, secret}}, nil
}

type certificateInput struct {
	ID   string `path:"id"`
	Body *struct {
		Request string `json:"csr,omitempty" maxLength:"16384" doc:"PKCS #10 in PEM; without it the hub makes the key"`
		Days    int    `json:"days,omitempty" minimum:"1" maximum:"3650" doc:"how long it is good; without it 825"`
	} `required:"false"`
}

type certificateOutput struct {
	Body struct {
		Device      string `json:"device"`
		Serial      string `json:"serial"`
		NotAfter    string `json:"not_after" format:"date-time"`
		Certificate string `json:"certificate" doc:"the chain in PEM, the device's own first"`
		Key         string `json:"key,omitempty" doc:"PKCS #8 in PEM; shown only here"`
		Authority   string `json:"ca" doc:"PEM: what the device checks the hub against"`
	}
}

func (r *Registry) postCertificate(ctx context.Context, in *certificateInput) (*certificateOutput, error) {
	var request []byte
	var life time.Duration
	if in.Body != nil {
		request, life = []byte(in.Body.Request), time.Duration(in.Body.Days)*24*time.Hour
	}
	made, err := r.Enrol(ctx, in.ID, actorOf(ctx), request, life)
	if err != nil {
		return nil, problem(err)
	}
	out := &certificateOutput{}
	b := &out.Body
	b.Device, b.Serial, b.NotAfter = in.ID, made.Serial, ms(made.NotAfter)
	b.Certificate, b.Key, b.Authority = string(made.Chain), string(made.Key), string(r.issuer.Authority())
	return out, nil
}

type certificateJSON struct {
	Serial    string  `json:"serial"`
	IssuedAt  string  `json:"issued_at" format:"date-time"`
	NotAfter  string  `json:"not_after" format:"date-time"`
	Actor     string  `json:"actor" doc:"who asked for it"`
	RevokedAt *string `json:"revoked_at" format:"date-time" doc:"null: good"`
}

type certificateList struct {
	Body struct {
		Items []certificateJSON `json:"items"`
		Next  string            `json:"next"`
	}
}

func (r *Registry) getCertificates(_ context.Context, in *idInput) (*certificateList, error) {
	if r.find(in.ID) == nil {
		return nil, problem(ErrNoDevice)
	}
	out := &certificateList{}
	out.Body.Items = []certificateJSON{}
	for _, c := range r.Certificates(in.ID) {
		out.Body.Items = append(out.Body.Items, certificateJSON{c.Serial, ms(c.IssuedAt), ms(c.NotAfter), c.Actor, optional(ms(c.RevokedAt))})
	}
	return out, nil
}

// certificateProblem is the answer to an error of certificates, nil for others.
func certificateProblem(err error) error {
	switch {
	case errors.Is(err, ErrNoAuthority):
		return web.Fail(http.StatusConflict, "certificate.no_authority", "this hub issues no certificates: open its TLS listener with mqtt.tls_addr")
	case errors.Is(err, ErrNoCertificate):
		return web.Fail(http.StatusNotFound, "certificate.not_found", "the device has no certificate of this serial: GET its certificates for a list")
	}
	return nil
}
