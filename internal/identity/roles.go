package identity

import "dongyue/internal/web"

// roleTable says what each role may do. What is not named here is refused, so a
// new action starts with nobody but the administrator's deliberate entry.
//
// The dispatch desk sees and acts but does not change rules, people or devices.
// Crews see devices, alarms, the rota and orders, but neither cameras, people nor the raw
// journal, which tells who went where; only while a muster is on, they see the list of
// that building and tick off. Residents have their own door and
// nothing of anyone else, not even the feed.
func roleTable() map[web.Role][]web.Action {
	operator := []web.Action{
		web.StreamRead, web.DevicesRead, web.DevicesCommand, web.EventsRead, web.SeriesRead,
		web.AlarmsRead, web.AlarmsAct, web.DutyRead, web.RulesRead, web.CamerasRead, web.CamerasView, web.CamerasPTZ, web.ClipsView, web.ClipsExport,
		web.DoorsUnlock, web.DoorsRead, web.DoorsLockdown, web.MusterRead, web.MusterRun, web.AccessRead, web.Broadcast,
		web.OrdersRead, web.OrdersWork, web.OrdersManage, web.OperationsRead, web.DemoAct,
	}
	supervisor := append([]web.Action{web.OfficialSubmit, web.DutyWrite, web.DrillsRun, web.RulesWrite, web.AccessWrite, web.CamerasWrite, web.ClipsDelete, web.LightingWrite}, operator...)
	admin := append([]web.Action{web.DevicesWrite, web.UsersManage, web.Home}, supervisor...)
	return map[web.Role][]web.Action{
		web.Admin:      admin,
		web.Supervisor: supervisor,
		web.Operator:   operator,
		web.Crew: {
			web.StreamRead, web.DevicesRead, web.SeriesRead, web.AlarmsRead, web.DutyRead, web.OrdersRead, web.OrdersWork,
			web.MusterRead,
		},
		web.Resident: {web.Home},
		web.Integrator: {
			web.StreamRead, web.DevicesRead, web.EventsRead, web.SeriesRead, web.AlarmsRead,
			web.RulesRead, web.CamerasRead, web.OperationsRead, web.OfficialSubmit,
		},
	}
}

// grants is the role table as it is asked.
func grants() map[web.Role]map[web.Action]bool {
	g := map[web.Role]map[web.Action]bool{}
	for role, actions := range roleTable() {
		g[role] = map[web.Action]bool{web.Public: true, web.Self: true}
		for _, a := range actions {
			g[role][a] = true
		}
	}
	return g
}

// Allowed implements web.Guard.
func (i *Identity) Allowed(p web.Principal, a web.Action) bool { return i.grants[p.Role][a] }
