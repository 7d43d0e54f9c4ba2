// Calls an API with the token of an account: go run call.go ACCOUNT URL
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
)

// What is used of endpoint.json, of a token, and of an error.
type told struct {
	URL         string
	KeyFile     string `json:"key_file"`
	Pid         int
	AccessToken string `json:"access_token"`
	What        string `json:"error_description"`
	Hint        string
}

func end(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}

func daemon() (found told, err error) {
	if url := os.Getenv("RINGBACK_URL"); url != "" {
		return told{URL: url, KeyFile: os.Getenv("RINGBACK_KEY_FILE")}, nil
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if runtime == "" {
		runtime = fmt.Sprint("/run/user/", os.Getuid())
	}
	text, err := os.ReadFile(runtime + "/ringback/endpoint.json")
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if err == nil { // fails if that daemon is gone: another program may have its port by now
		err = syscall.Kill(found.Pid, 0)
	}
	return found, err
}

func send(method, url, bearer string) (status int, text []byte, err error) {
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	reply, err := http.DefaultClient.Do(request) // uses no proxy for this machine
	if err != nil {
		return 0, nil, err
	}
	defer reply.Body.Close()
	text, err = io.ReadAll(reply.Body)
	return reply.StatusCode, text, err
}

func ask(method, path string) (reply told) {
	at, err := daemon()
	var key, text []byte
	var status int
	if err == nil {
		key, err = os.ReadFile(at.KeyFile)
	}
	if err == nil {
		status, text, err = send(method, at.URL+path, strings.TrimSpace(string(key)))
	}
	if err == nil {
		err = json.Unmarshal(text, &reply)
	}
	if err != nil {
		end("error: the ringback daemon can't be reached: %v\nhint: Start it with `ringback serve`.", err)
	}
	if status != http.StatusOK {
		end("error: %s\nhint: %s", reply.What, reply.Hint)
	}
	return reply
}

func main() {
	account, api := os.Args[1], os.Args[2]
	call := func() (int, []byte, error) {
		return send("GET", api, ask("GET", "/v1/accounts/"+account+"/token").AccessToken)
	}
	status, text, err := call()
	if err == nil && status == http.StatusUnauthorized { // once: an API that rejects this one, too, has another reason
		ask("POST", "/v1/accounts/"+account+"/rejected")
		status, text, err = call()
	}
	if err != nil || status != http.StatusOK {
		end("error: the API answered %d: %s %v", status, text, err)
	}
	fmt.Println(string(text))
}
