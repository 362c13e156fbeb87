// Makedb writes a vulnerability database as Trivy reads it, for tests: a bbolt file of nested
// buckets. Standard input has one JSON object a line: {"path": [bucket, ..., key], "value": {...}}.
// What the buckets are called is in the source of github.com/aquasecurity/trivy-db (pkg/db and
// pkg/vulnsrc/bucket); this program knows nothing about it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"
)

type entry struct {
	Path  []string        `json:"path"`
	Value json.RawMessage `json:"value"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: makedb FILE <ENTRIES")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "makedb:", err)
		os.Exit(1)
	}
}

func write(path string, entries io.Reader) error {
	db, err := bolt.Open(path, 0o644, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Update(func(tx *bolt.Tx) error {
		decoder := json.NewDecoder(entries)
		for {
			var one entry
			if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := put(tx, one); err != nil {
				return err
			}
		}
	})
}

func put(tx *bolt.Tx, one entry) error {
	last := len(one.Path) - 1
	if last < 1 {
		return fmt.Errorf("%q has no bucket and key", one.Path)
	}
	bucket, err := tx.CreateBucketIfNotExists([]byte(one.Path[0]))
	for _, name := range one.Path[1:last] {
		if err == nil {
			bucket, err = bucket.CreateBucketIfNotExists([]byte(name))
		}
	}
	if err != nil {
		return err
	}
	return bucket.Put([]byte(one.Path[last]), one.Value)
}
