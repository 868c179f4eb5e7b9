// Package dashboards carries the three web apps inside the hub's binary and
// serves them: /dispatch for the desk, /crew for the maintenance crew, /home for
// residents, /visit/… for who has got a pass.
//
// It serves files and nothing else: it knows no room, no session and no role, and
// the pages ask the API like any other client. The files are made by `make web`
// into web/dist; a binary that was built without them says so on every page.
// The Handler is safe for concurrent use and holds no state that changes.
package dashboards
