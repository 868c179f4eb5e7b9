package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func devicesCommand() *cobra.Command {
	k := &client{}
	c := &cobra.Command{Use: "devices", Short: "ask a running hub about its devices, and tell them what to do"}
	k.bind(c)
	c.AddCommand(k.list(), k.watch(), k.send(), k.enrol(), k.load(), k.save())
	return strict(c)
}

// strict gives wrong arguments of the commands below the exit code of a wrong
// command line.
func strict(c *cobra.Command) *cobra.Command {
	for _, sub := range c.Commands() {
		if check := sub.Args; check != nil {
			sub.Args = func(c *cobra.Command, args []string) error {
				if err := check(c, args); err != nil {
					return coded{fmt.Errorf("%w; see %s --help", err, c.CommandPath()), exitUsage}
				}
				return nil
			}
		}
	}
	return c
}

// device is what the commands show of one.
type device struct {
	ID, Kind, Name, Zone, Health string
	Online, Deleted              bool
	LastSeen                     string `json:"last_seen"`
	Firmware                     string `json:"fw"`
	InSync                       bool   `json:"in_sync"`
}

func (d *device) presence() string {
	switch {
	case d.Deleted:
		return "deleted"
	case d.Online:
		return "online"
	}
	return "offline"
}

// selection are the filters of a list.
type selection struct {
	kind, zone, online, q string
	labels                []string
}

func (s *selection) bind(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.kind, "kind", "", "door, lamp, charger, speaker or sensor")
	f.StringVar(&s.zone, "zone", "", "this zone and below, as east/b01")
	f.StringVar(&s.online, "online", "", "true or false")
	f.StringVar(&s.q, "q", "", "part of the id or the name")
	f.StringArrayVar(&s.labels, "label", nil, "name=value, or a name alone; may be repeated")
}

func (s *selection) query() url.Values {
	v := url.Values{"limit": {"1000"}}
	for name, value := range map[string]string{"kind": s.kind, "zone": s.zone, "online": s.online, "q": s.q} {
		if value != "" {
			v.Set(name, value)
		}
	}
	v["label"] = s.labels
	return v
}

func (k *client) list() *cobra.Command {
	var s selection
	c := &cobra.Command{
		Use: "list", Short: "list devices", Args: cobra.NoArgs,
		Example: "  dongyue devices list --kind door --online false\n  dongyue devices list --label feeder=3 --json",
		RunE: func(c *cobra.Command, _ []string) error {
			all := []json.RawMessage{}
			for v := s.query(); ; {
				var page struct {
					Items []json.RawMessage
					Next  string
				}
				if _, err := k.call(c.Context(), http.MethodGet, "/devices?"+v.Encode(), nil, &page); err != nil {
					return err
				}
				all = append(all, page.Items...)
				if page.Next == "" {
					break
				}
				v.Set("cursor", page.Next)
			}
			if k.asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(all)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tKIND\tZONE\tPRESENCE\tHEALTH\tLAST SEEN\tNAME")
			for _, b := range all {
				var d device
				if err := json.Unmarshal(b, &d); err != nil {
					return err
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.Kind, d.Zone, d.presence(), d.Health, d.LastSeen, d.Name)
			}
			return w.Flush()
		},
	}
	s.bind(c)
	return c
}

func (k *client) watch() *cobra.Command {
	return &cobra.Command{
		Use: "watch [ID...]", Short: "show changes of devices and fresh values as they come, until Ctrl-C",
		Example: "  dongyue devices watch\n  dongyue devices watch charger-e01 --json",
		RunE: func(c *cobra.Command, ids []string) error {
			wanted := map[string]bool{}
			for _, id := range ids {
				wanted[id] = true
			}
			return k.follow(c.Context(), "device,command,twin", func(topic string, data []byte) error {
				if topic == "hello" || topic == "reset" {
					return nil
				}
				var x struct {
					device
					Device, Type, Status, Error string
					At                          string
					Values                      map[string]map[string]float64
				}
				if err := json.Unmarshal(data, &x); err != nil {
					return err
				}
				id := x.Device
				if topic == "device" {
					id = x.ID
				}
				if len(wanted) > 0 && !wanted[id] {
					return nil
				}
				if k.asJSON {
					_, err := fmt.Fprintf(c.OutOrStdout(), `{"topic":%q,"data":%s}`+"\n", topic, data)
					return err
				}
				var err error
				switch topic {
				case "device":
					_, err = fmt.Fprintf(c.OutOrStdout(), "%s %s %s\n", id, x.presence(), x.Health)
				case "command":
					_, err = fmt.Fprintf(c.OutOrStdout(), "%s command %s %s %s\n", id, x.Type, x.Status, x.Error)
				default:
					_, err = fmt.Fprintf(c.OutOrStdout(), "%s %v\n", id, x.Values)
				}
				return err
			})
		},
	}
}
