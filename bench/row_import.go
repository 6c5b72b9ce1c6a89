package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	importUsers  = 100_000
	importTook   = 5 * time.Minute
	importMemory = 256 // MiB
)

// measureImport brings a file of people into an empty store of a gateway that
// does not run, and once more, when there is nothing left to do.
func measureImport(ctx context.Context, b *bench) error {
	dir := filepath.Join(b.dir, "import")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "people.csv")
	if err := writePeople(file, min(importUsers, b.users)); err != nil {
		return err
	}
	for _, name := range b.stores {
		words := "bolt " + filepath.Join(dir, "gateway.db")
		if name == redis {
			addr, p, err := b.startRedis(ctx, "redis-import", filepath.Join(dir, "redis"))
			if err != nil {
				return err
			}
			defer b.stop(p)
			words = "redis redis://" + addr
		}
		config := filepath.Join(dir, name+".caddyfile")
		text := "{\n\tadmin off\n\tlogin_gateway {\n\t\tstore " + words + "\n\t}\n}\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return err
		}
		for _, what := range []string{"import of %d users", "import of %d users that are there already"} {
			if err := b.importOnce(ctx, fmt.Sprintf(what, min(importUsers, b.users)), name, file, config); err != nil {
				return err
			}
		}
	}
	return nil
}

// importOnce runs the command and watches its memory.
func (b *bench) importOnce(ctx context.Context, what, name, file, config string) error {
	cmd := exec.CommandContext(ctx, b.binary, "gateway", "import", file, "--config", config)
	cmd.Stderr = os.Stderr
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	most := make(chan int64, 1)
	stop := make(chan struct{})
	go func() {
		var top int64
		defer func() { most <- top }()
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if n, err := rssAnonOf(cmd.Process.Pid); err == nil {
				top = max(top, n)
			}
		}
	}()
	err := cmd.Wait()
	close(stop)
	if err != nil {
		return fmt.Errorf("importing: %w", err)
	}
	b.add(line{
		Row: what, Server: name, Wanted: fmt.Sprintf("< %s, < %d MiB", importTook, importMemory),
		Result: fmt.Sprintf("%.1f s, RssAnon at most %.0f MiB", time.Since(begun).Seconds(), float64(<-most)/(1<<20)),
	})
	return nil
}

// writePeople writes a file of people with the salted digests of an old app.
func writePeople(file string, users int) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if _, err := io.WriteString(w, "account,email,name,type,password_hash,password_scheme,password_salt,password_template\n"); err != nil {
		return err
	}
	for n := range users {
		if n%perAccount == 0 {
			if _, err := fmt.Fprintf(w, "%s,,Praktijk %d,,,,,\n", accountID(n/perAccount), n/perAccount); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(w, "%s,%s,Gebruiker %d,teammate,%032x,md5,zout%d,%%salt%%%%password%%\n", accountID(n/perAccount), email(n), n, n, n)
		if err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
