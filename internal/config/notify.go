package config

import (
	"fmt"
	"net/mail"
	"net/url"
	"time"
)

// Notify is how people are reached beside the desk. A channel without an address
// is off.
type Notify struct {
	Language     string         `yaml:"language" reload:"component" enum:"zh|en" doc:"of messages to people who have not chosen one"`
	AllowPrivate bool           `yaml:"allow_private" reload:"component" doc:"let messages go to private addresses too: this machine, the local network; off protects what is there"`
	GroupWait    time.Duration  `yaml:"group_wait" reload:"component" range:"0s..10m" doc:"how long a message waits for others of the same incident, to go out as one; life safety waits for nobody"`
	Webhook      WebhookChannel `yaml:"webhook" doc:"a program that takes messages as signed JSON"`
	WeCom        RobotChannel   `yaml:"wecom" doc:"the robot of a WeCom group"`
	DingTalk     SignedRobot    `yaml:"dingtalk" doc:"the robot of a DingTalk group"`
	Feishu       SignedRobot    `yaml:"feishu" doc:"the robot of a Feishu group"`
	Ntfy         NtfyChannel    `yaml:"ntfy" doc:"push to phones by an ntfy server"`
	SMTP         SMTPChannel    `yaml:"smtp" doc:"mail"`
}

// WebhookChannel is a program that takes messages.
type WebhookChannel struct {
	URL        Secret `yaml:"url" reload:"component" doc:"http or https address; empty: off"`
	URLFile    string `yaml:"url_file" reload:"component" file:"true" doc:"file that holds the address"`
	Secret     Secret `yaml:"secret" reload:"component" doc:"signs each message (HMAC-SHA256), so that the program knows who sent it"`
	SecretFile string `yaml:"secret_file" reload:"component" file:"true" doc:"file that holds the secret"`
	PerMinute  int    `yaml:"per_minute" reload:"component" range:"1..6000" doc:"most messages in a minute"`
}

// RobotChannel is a group's robot whose key is in the address.
type RobotChannel struct {
	URL       Secret `yaml:"url" reload:"component" doc:"the robot's webhook address with its key; empty: off"`
	URLFile   string `yaml:"url_file" reload:"component" file:"true" doc:"file that holds the address"`
	PerMinute int    `yaml:"per_minute" reload:"component" range:"1..6000" doc:"most messages in a minute; the robot's own limit"`
}

// SignedRobot is a group's robot that may want a signature.
type SignedRobot struct {
	URL        Secret `yaml:"url" reload:"component" doc:"the robot's webhook address with its key; empty: off"`
	URLFile    string `yaml:"url_file" reload:"component" file:"true" doc:"file that holds the address"`
	Secret     Secret `yaml:"secret" reload:"component" doc:"the robot's signing secret; empty: it goes by a key word or an address list"`
	SecretFile string `yaml:"secret_file" reload:"component" file:"true" doc:"file that holds the secret"`
	PerMinute  int    `yaml:"per_minute" reload:"component" range:"1..6000" doc:"most messages in a minute; the robot's own limit"`
}

// NtfyChannel is an ntfy server.
type NtfyChannel struct {
	URL       string `yaml:"url" reload:"component" doc:"address of the server; empty: off"`
	Token     Secret `yaml:"token" reload:"component" doc:"access token, where the server wants one"`
	TokenFile string `yaml:"token_file" reload:"component" file:"true" doc:"file that holds the token"`
	PerMinute int    `yaml:"per_minute" reload:"component" range:"1..6000" doc:"most messages in a minute"`
}

// SMTPChannel is a mail server that takes the hub's mail.
type SMTPChannel struct {
	Addr         Addr   `yaml:"addr" reload:"component" doc:"host:port of the mail server; off: no mail"`
	Security     string `yaml:"security" reload:"component" enum:"starttls|tls|none" doc:"starttls (port 587), tls (port 465), or none for a relay on this machine"`
	User         string `yaml:"user" reload:"component" doc:"name to sign in with; empty: the server asks for none"`
	Password     Secret `yaml:"password" reload:"component" doc:"its password; better in password_file or the environment"`
	PasswordFile string `yaml:"password_file" reload:"component" file:"true" doc:"file that holds the password"`
	From         string `yaml:"from" reload:"component" doc:"sender: hub@example.org, or 东岳中枢 <hub@example.org>"`
	PerMinute    int    `yaml:"per_minute" reload:"component" range:"1..6000" doc:"most messages in a minute"`
}

// address is a channel's address, from its file where it is kept in one; empty
// when the channel is off.
func address(u Secret, file string) (Secret, error) {
	u, err := u.orFile(file)
	if err != nil || u == "" {
		return "", err
	}
	if what := wrongURL(u.Reveal()); what != "" {
		return "", fmt.Errorf("the address in %s %s", file, what)
	}
	return u, nil
}

// Address is where the program takes messages; empty: off.
func (c WebhookChannel) Address() (Secret, error) { return address(c.URL, c.URLFile) }

// Signature is the secret that signs them.
func (c WebhookChannel) Signature() (Secret, error) { return c.Secret.orFile(c.SecretFile) }

// Address is the robot's; empty: off.
func (c RobotChannel) Address() (Secret, error) { return address(c.URL, c.URLFile) }

// Address is the robot's; empty: off.
func (c SignedRobot) Address() (Secret, error) { return address(c.URL, c.URLFile) }

// Signature is the robot's secret; empty: none.
func (c SignedRobot) Signature() (Secret, error) { return c.Secret.orFile(c.SecretFile) }

// Access is the token; empty: none.
func (c NtfyChannel) Access() (Secret, error) { return c.Token.orFile(c.TokenFile) }

// Access is the password; empty: none.
func (c SMTPChannel) Access() (Secret, error) { return c.Password.orFile(c.PasswordFile) }

// wrongURL says what is wrong with an address, "" for nothing. It does not repeat
// the address, which has a key in it.
func wrongURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "is not an http or https address"
	}
	return ""
}

// notify checks the channels.
func (l *loader) notify(n Notify) {
	l.channel("notify.webhook", n.Webhook.URL, n.Webhook.URLFile)
	l.signature("notify.webhook", n.Webhook.URL, n.Webhook.URLFile, n.Webhook.Secret, n.Webhook.SecretFile)
	l.channel("notify.wecom", n.WeCom.URL, n.WeCom.URLFile)
	l.channel("notify.dingtalk", n.DingTalk.URL, n.DingTalk.URLFile)
	l.signature("notify.dingtalk", n.DingTalk.URL, n.DingTalk.URLFile, n.DingTalk.Secret, n.DingTalk.SecretFile)
	l.channel("notify.feishu", n.Feishu.URL, n.Feishu.URLFile)
	l.signature("notify.feishu", n.Feishu.URL, n.Feishu.URLFile, n.Feishu.Secret, n.Feishu.SecretFile)
	l.channel("notify.ntfy", Secret(n.Ntfy.URL), "")
	l.either("notify.ntfy.token", n.Ntfy.Token, n.Ntfy.TokenFile)
	l.mail(n.SMTP)
}

func (l *loader) channel(path string, u Secret, file string) {
	l.either(path+".url", u, file)
	if u != "" {
		if what := wrongURL(u.Reveal()); what != "" {
			l.problem(path+".url", what, "write https://…, as the service shows it")
		}
	}
}

func (l *loader) signature(path string, u Secret, uFile string, s Secret, sFile string) {
	l.either(path+".secret", s, sFile)
	if u == "" && uFile == "" && (s != "" || sFile != "") {
		l.problem(path+".secret", "does nothing without an address", "set "+path+".url")
	}
}

func (l *loader) mail(c SMTPChannel) {
	l.either("notify.smtp.password", c.Password, c.PasswordFile)
	if !c.Addr.On() {
		return
	}
	if c.From == "" {
		l.problem("notify.smtp.from", "is empty", "name the sender, as hub@example.org")
	} else if _, err := mail.ParseAddress(c.From); err != nil {
		l.problem("notify.smtp.from", "is not a mail address", "write hub@example.org, or 东岳中枢 <hub@example.org>")
	}
	if c.User != "" && c.Password == "" && c.PasswordFile == "" {
		l.problem("notify.smtp.user", "has no password", "set notify.smtp.password_file")
	}
	if c.User != "" && c.Security == "none" {
		l.problem("notify.smtp.security", "would send the password in the clear", "write starttls or tls, or leave user empty")
	}
}
