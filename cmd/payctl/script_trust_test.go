package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// condition adds [root]: only root can give a file to another user.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "postgres":
		return postgrestest.Server() != "", nil
	}
	return false, errors.New("unknown condition " + name)
}

// sql FILE STATEMENTS runs SQL on a file, as an attacker would who has SQLite alone.
func cmdSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql file statements")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0])+"?_pragma=busy_timeout(60000)")
	ts.Check(err)
	_, err = db.ExecContext(context.Background(), args[1])
	ts.Check(errors.Join(err, db.Close()))
}

// chown UID FILE... gives files, links themselves, to another user.
func cmdChown(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: chown uid file...")
	}
	uid, err := strconv.Atoi(args[0])
	ts.Check(err)
	for _, file := range args[1:] {
		ts.Check(os.Lchown(ts.MkAbs(file), uid, uid))
	}
}
