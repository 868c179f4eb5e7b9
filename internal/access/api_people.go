package access

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/web"
)

type peopleIn struct {
	PageQuery
	Unit string `query:"unit" maxLength:"200" doc:"zone; with all that lies within"`
	Q    string `query:"q" maxLength:"100" doc:"part of the name, or the number of the flat"`
	Kind Kind   `query:"kind" enum:"resident,staff,courier,visitor,child" doc:"only people of this kind"`
}

type personIn struct {
	Body struct {
		Name      string   `json:"name" minLength:"1" maxLength:"200"`
		Unit      string   `json:"unit,omitempty" maxLength:"200" example:"east/b01/u1"`
		Household string   `json:"household,omitempty" maxLength:"40" example:"0302"`
		Groups    []string `json:"groups,omitempty" maxItems:"32"`

		Kind       Kind   `json:"kind,omitempty" enum:"resident,staff,courier,visitor,child" default:"resident"`
		Escort     string `json:"escort,omitempty" maxLength:"100" doc:"may not go alone: household, staff, or the id of the one who must go along"`
		ChildUntil string `json:"child_until,omitempty" format:"date" doc:"of a child: its fourteenth birthday"`
	}
}

type personChangeIn struct {
	PathID
	Body struct {
		Name      *string   `json:"name,omitempty" minLength:"1" maxLength:"200"`
		Unit      *string   `json:"unit,omitempty" maxLength:"200"`
		Household *string   `json:"household,omitempty" maxLength:"40"`
		Groups    *[]string `json:"groups,omitempty" maxItems:"32"`
		Active    *bool     `json:"active,omitempty" doc:"false: moved out; every right is dead at once"`

		Kind       *Kind   `json:"kind,omitempty" enum:"resident,staff,courier,visitor,child"`
		Escort     *string `json:"escort,omitempty" maxLength:"100"`
		ChildUntil *string `json:"child_until,omitempty" maxLength:"10"`
	}
}

type personFile struct {
	PersonInfo
	Credentials []CredentialInfo `json:"credentials"`
	Rights      []RightInfo      `json:"rights"`
}

func (x *Access) registerPeople(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/people", Summary: "List people", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *peopleIn) (*page[PersonInfo], error) {
		if in.Q != "" && in.Cursor == "" { // who looks for somebody leaves a trace
			if err := x.audit.Audit(ctx, nil, actor(ctx), "people.searched", "", map[string]any{"q": in.Q, "unit": in.Unit, "kind": in.Kind}); err != nil {
				return nil, err
			}
		}
		ps, err := x.PeopleBy(ctx, PeopleFilter{in.Unit, in.Q, in.Kind}, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return paged(ps, in.Limit, func(p PersonInfo) string { return p.ID }), nil
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/people", Summary: "Add a person", Tag: tag, Action: web.AccessWrite, Status: http.StatusCreated,
	}, func(ctx context.Context, in *personIn) (*one[PersonInfo], error) {
		b := in.Body
		if b.Groups == nil {
			b.Groups = []string{}
		}
		return answerOne(x.AddPerson(ctx, actor(ctx), PersonInfo{
			Name: b.Name, Unit: b.Unit, Household: b.Household, Groups: b.Groups, Kind: b.Kind, Escort: b.Escort, ChildUntil: b.ChildUntil,
		}))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/people/{id}", Summary: "A person with credentials and rights", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *PathID) (*one[personFile], error) {
		f, err := x.personFile(ctx, in.ID)
		if err == nil {
			err = x.audit.Audit(ctx, nil, actor(ctx), "person.looked", in.ID, nil)
		}
		return answerOne(f, err)
	})
	web.Register(a, web.Op{
		Method: "PATCH", Path: "/people/{id}", Summary: "Change a person", Tag: tag, Action: web.AccessWrite,
	}, func(ctx context.Context, in *personChangeIn) (*one[PersonInfo], error) {
		b := in.Body
		return answerOne(x.ChangePerson(ctx, actor(ctx), in.ID, PersonChange{
			Name: b.Name, Unit: b.Unit, Household: b.Household, Groups: b.Groups, Active: b.Active, Kind: b.Kind, Escort: b.Escort, ChildUntil: b.ChildUntil,
		}))
	})
}

// mostPerPerson bounds the lists in a person's file.
const mostPerPerson = 1000

func (x *Access) personFile(ctx context.Context, id string) (f personFile, err error) {
	if f.PersonInfo, err = readPerson(ctx, x.db.Read(), id); err != nil {
		return f, err
	}
	if f.Credentials, err = x.Credentials(ctx, id, "", mostPerPerson); err != nil {
		return f, err
	}
	f.Rights, err = x.Rights(ctx, RightsFilter{Person: id}, "", mostPerPerson)
	return f, err
}

type credentialsIn struct {
	PageQuery
	Person string `query:"person" maxLength:"100"`
}

type credentialIn struct {
	Body struct {
		Person    string     `json:"person" minLength:"1" maxLength:"100"`
		Type      string     `json:"type" enum:"card,pin,qr,mobile,plate"`
		Value     string     `json:"value" minLength:"4" maxLength:"512" doc:"only its keyed hash is kept"`
		Class     string     `json:"class,omitempty" enum:"uid,crypto" doc:"of a card: uid can be copied; crypto has to prove itself to the reader"`
		Duress    bool       `json:"duress,omitempty" doc:"a PIN that opens and calls for help in silence"`
		MaxUses   int        `json:"max_uses,omitempty" minimum:"0" maximum:"10000" doc:"at each door; 0: as often as wanted"`
		ValidFrom *time.Time `json:"valid_from,omitempty"`
		ValidTo   *time.Time `json:"valid_to,omitempty"`
	}
}

type revokeIn struct {
	PathID
	Lost bool `query:"lost" doc:"lost or stolen"`
}

func (x *Access) registerCredentials(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/credentials", Summary: "List credentials", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *credentialsIn) (*page[CredentialInfo], error) {
		cs, err := x.Credentials(ctx, in.Person, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return paged(cs, in.Limit, func(c CredentialInfo) string { return c.ID }), nil
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/credentials", Summary: "Give a person a credential", Tag: tag, Action: web.AccessWrite, Status: http.StatusCreated,
	}, func(ctx context.Context, in *credentialIn) (*one[CredentialInfo], error) {
		b := in.Body
		return answerOne(x.AddCredential(ctx, actor(ctx), NewCredential{
			Person: b.Person, Type: b.Type, Value: b.Value, Class: b.Class, Duress: b.Duress, MaxUses: b.MaxUses,
			ValidFrom: b.ValidFrom, ValidTo: b.ValidTo,
		}))
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/credentials/{id}", Summary: "Revoke a credential", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *revokeIn) (*nothing, error) {
		return nil, problem(x.RevokeCredential(ctx, actor(ctx), in.ID, in.Lost))
	})
}

type rightsIn struct {
	PageQuery
	Person string `query:"person" maxLength:"100"`
	Group  string `query:"group" maxLength:"63"`
	Door   string `query:"door" maxLength:"63"`
	Doors  string `query:"door_group" maxLength:"63"`
	Zone   string `query:"zone" maxLength:"200"`
}

type rightIn struct {
	Body struct {
		Person    string     `json:"person,omitempty" maxLength:"100" doc:"either person or group"`
		Group     string     `json:"group,omitempty" maxLength:"63"`
		Door      string     `json:"door,omitempty" maxLength:"63" doc:"one of door, door_group and zone"`
		DoorGroup string     `json:"door_group,omitempty" maxLength:"63"`
		Zone      string     `json:"zone,omitempty" maxLength:"200" doc:"every door within"`
		First     bool       `json:"first,omitempty" doc:"opens the day at a door that waits for its first person"`
		Lockdown  bool       `json:"lockdown,omitempty" doc:"holds while the door is locked down, too: for rescuers"`
		Schedule  string     `json:"schedule,omitempty" maxLength:"500" example:"mon-fri 07:00-19:00" doc:"always, or windows of the week; holiday is a day, too"`
		ValidFrom *time.Time `json:"valid_from,omitempty"`
		ValidTo   *time.Time `json:"valid_to,omitempty"`
	}
}

func (x *Access) registerRights(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/rights", Summary: "List rights", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *rightsIn) (*page[RightInfo], error) {
		rs, err := x.Rights(ctx, RightsFilter{in.Person, in.Group, in.Door, in.Doors, in.Zone}, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return paged(rs, in.Limit, func(r RightInfo) string { return r.ID }), nil
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/rights", Summary: "Give a right", Tag: tag, Action: web.AccessWrite, Status: http.StatusCreated,
	}, func(ctx context.Context, in *rightIn) (*one[RightInfo], error) {
		b := in.Body
		return answerOne(x.AddRight(ctx, actor(ctx), RightInfo{
			Person: b.Person, Group: b.Group, Door: b.Door, DoorGroup: b.DoorGroup, Zone: b.Zone, First: b.First, Lockdown: b.Lockdown,
			Schedule: b.Schedule, ValidFrom: b.ValidFrom, ValidTo: b.ValidTo,
		}))
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/rights/{id}", Summary: "Take a right away", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *PathID) (*nothing, error) {
		return nil, problem(x.EndRight(ctx, actor(ctx), in.ID))
	})
}
