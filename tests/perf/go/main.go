// The tight Go writer: two writes for each object, so many objects at a time, with net/http alone.
// Its job and its answer are the ones of ../src/client.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type job struct {
	Server, CA, Token, Collection, Items string
	Concurrency                          int
}

type item struct {
	Name, Create string
	Status       [3]string
}

type created struct {
	Metadata struct {
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	var work job
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &work); err != nil {
		return err
	}
	items, err := read(work.Items)
	if err != nil {
		return err
	}
	client, err := client(work)
	if err != nil {
		return err
	}
	collection := work.Server + work.Collection

	var next atomic.Int64
	var workers sync.WaitGroup
	failures := make(chan error, work.Concurrency)
	begun, before := time.Now(), cpu()
	for range work.Concurrency {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				at := int(next.Add(1)) - 1
				if at >= len(items) {
					return
				}
				if err := write(client, collection, work.Token, &items[at]); err != nil {
					failures <- err
					return
				}
			}
		}()
	}
	workers.Wait()
	if len(failures) > 0 {
		return <-failures
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"seconds":     time.Since(begun).Seconds(),
		"cpu_seconds": cpu() - before,
		"count":       2 * len(items),
	})
}

func read(path string) ([]item, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var items []item
	lines := bufio.NewReaderSize(file, 1<<20)
	decoder := json.NewDecoder(lines)
	for decoder.More() {
		var one item
		if err := decoder.Decode(&one); err != nil {
			return nil, err
		}
		items = append(items, one)
	}
	return items, nil
}

func client(work job) (*http.Client, error) {
	pem, err := base64.StdEncoding.DecodeString(work.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the authority is no certificate")
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: work.Concurrency,
	}}, nil
}

func write(client *http.Client, collection, token string, one *item) error {
	answer, err := send(client, http.MethodPost, collection, token, one.Create)
	if err != nil {
		return err
	}
	var made created
	if err := json.Unmarshal(answer, &made); err != nil {
		return err
	}
	status := strings.Join([]string{
		one.Status[0], made.Metadata.ResourceVersion, one.Status[1], made.Metadata.UID, one.Status[2],
	}, "")
	_, err = send(client, http.MethodPut, collection+"/"+one.Name+"/status", token, status)
	return err
}

func send(client *http.Client, method, url, token, body string) ([]byte, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var all bytes.Buffer
	if _, err := io.Copy(&all, answer.Body); err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		return nil, fmt.Errorf("%s: %s", answer.Status, all.String())
	}
	return all.Bytes(), nil
}

// Processor time of this process, in seconds.
func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
