package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// kept is how many prepared statements a connection holds. The hub's busiest one
// meets about a hundred different ones; lists with filters make up more.
const kept = 128

// connector opens connections that keep their prepared statements. The driver
// itself parses and plans the text anew with every call, which was an eighth of
// the hub's work under load (and most of the time of a short statement).
type connector struct{ dsn string }

func (c connector) Driver() driver.Driver { return &sqlite.Driver{} }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	inner, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	full, ok := inner.(fullConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's %T lacks what a connection needs", inner), inner.Close())
	}
	return &conn{fullConn: full, statements: map[string]*statement{}}, nil
}

// fullConn is what the driver's connections can do and database/sql uses.
type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// conn is used by one goroutine at a time, as database/sql promises.
type conn struct {
	fullConn
	statements map[string]*statement
	clock      uint64
}

type statement struct {
	driver.Stmt
	exec driver.StmtExecContext
	ask  driver.StmtQueryContext
	busy bool   // its rows are being read
	used uint64 // of the connection's clock
}

// ExecContext runs a statement, prepared once.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.fullConn.ExecContext(ctx, query, args)
	}
	return s.exec.ExecContext(ctx, args)
}

// QueryContext asks, prepared once. The same question inside its own answer is
// prepared anew.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.fullConn.QueryContext(ctx, query, args)
	}
	r, err := s.ask.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &rows{r, s}, nil
}

// Close gives the statements back, then the connection.
func (c *conn) Close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	c.statements = nil
	return errors.Join(append(errs, c.fullConn.Close())...)
}

// statement returns the prepared one, nil for what is not kept.
func (c *conn) statement(ctx context.Context, query string) (*statement, error) {
	c.clock++
	if s, ok := c.statements[query]; ok {
		if s.busy {
			return nil, nil
		}
		s.used = c.clock
		return s, nil
	}
	if !repeats(query) {
		return nil, nil
	}
	p, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &statement{Stmt: p, used: c.clock}
	var ok [2]bool
	s.exec, ok[0] = p.(driver.StmtExecContext)
	s.ask, ok[1] = p.(driver.StmtQueryContext)
	if !ok[0] || !ok[1] {
		return nil, p.Close()
	}
	if len(c.statements) >= kept {
		if err := c.drop(); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	c.statements[query] = s
	return s, nil
}

// drop lets go of the statement that was not used for longest.
func (c *conn) drop() error {
	var oldest string
	for query, s := range c.statements {
		if o, ok := c.statements[oldest]; !s.busy && (!ok || s.used < o.used) {
			oldest = query
		}
	}
	s, ok := c.statements[oldest]
	if !ok { // all of them are being read
		return nil
	}
	delete(c.statements, oldest)
	return s.Close()
}

// repeats reports whether a text is one that comes again: not the making of
// tables, nor settings.
func repeats(query string) bool {
	query = strings.TrimLeft(query, " \t\r\n")
	for _, verb := range []string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "REPLACE"} {
		if len(query) > len(verb) && strings.EqualFold(query[:len(verb)], verb) {
			return true
		}
	}
	return false
}

// rows frees their statement when they are closed.
type rows struct {
	driver.Rows
	s *statement
}

// Close ends the reading.
func (r *rows) Close() error {
	err := r.Rows.Close()
	r.s.busy = false
	return err
}
