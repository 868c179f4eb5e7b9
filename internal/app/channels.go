package app

import (
	"fmt"

	"dongyue/internal/config"
	"dongyue/internal/notify"
)

// channels are the ways out that the configuration sets up.
func channels(c config.Notify) ([]notify.Channel, error) {
	dialer := notify.Dialer(c.AllowPrivate)
	client := notify.HTTP(dialer)
	var all []notify.Channel
	for _, build := range []struct {
		name string
		f    func() (notify.Channel, error)
	}{
		{"webhook", func() (notify.Channel, error) {
			to, secret, err := signed(c.Webhook.Address, c.Webhook.Signature)
			return on(to, &notify.WebhookChannel{URL: to, Secret: secret, PerMinute: c.Webhook.PerMinute, Client: client}), err
		}},
		{"wecom", func() (notify.Channel, error) {
			to, err := c.WeCom.Address()
			return on(to.Reveal(), &notify.WeComChannel{URL: to.Reveal(), PerMinute: c.WeCom.PerMinute, Client: client}), err
		}},
		{"dingtalk", func() (notify.Channel, error) {
			to, secret, err := signed(c.DingTalk.Address, c.DingTalk.Signature)
			return on(to, &notify.DingTalkChannel{URL: to, Secret: secret, PerMinute: c.DingTalk.PerMinute, Client: client}), err
		}},
		{"feishu", func() (notify.Channel, error) {
			to, secret, err := signed(c.Feishu.Address, c.Feishu.Signature)
			return on(to, &notify.FeishuChannel{URL: to, Secret: secret, PerMinute: c.Feishu.PerMinute, Client: client}), err
		}},
		{"ntfy", func() (notify.Channel, error) {
			token, err := c.Ntfy.Access()
			return on(c.Ntfy.URL, &notify.NtfyChannel{URL: c.Ntfy.URL, Token: token.Reveal(), PerMinute: c.Ntfy.PerMinute, Client: client}), err
		}},
		{"smtp", func() (notify.Channel, error) {
			if !c.SMTP.Addr.On() {
				return nil, nil
			}
			password, err := c.SMTP.Access()
			return &notify.SMTPChannel{
				Addr: string(c.SMTP.Addr), Security: c.SMTP.Security, User: c.SMTP.User, Password: password.Reveal(), From: c.SMTP.From,
				PerMinute: c.SMTP.PerMinute, Dialer: dialer,
			}, err
		}},
	} {
		ch, err := build.f()
		if err != nil {
			return nil, ConfigError{fmt.Errorf("notify.%s: %w", build.name, err)}
		}
		if ch != nil {
			all = append(all, ch)
		}
	}
	return all, nil
}

// on is the channel, or none where it has no address.
func on(address string, c notify.Channel) notify.Channel {
	if address == "" {
		return nil
	}
	return c
}

// signed reads an address and the secret that belongs to it.
func signed(address, secret func() (config.Secret, error)) (to, key string, err error) {
	a, err := address()
	if err != nil {
		return "", "", err
	}
	s, err := secret()
	return a.Reveal(), s.Reveal(), err
}
