#!/bin/sh
# Calls an API with the token of an account: sh call.sh ACCOUNT URL
account=$1 api=$2
gone() { echo "error: the ringback daemon can't be reached: $1" >&2; echo "hint: Start it with \`ringback serve\`." >&2; exit 1; }

if [ -n "$RINGBACK_URL" ]; then
  url=$RINGBACK_URL key_file=$RINGBACK_KEY_FILE
else
  endpoint=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/ringback/endpoint.json
  [ -r "$endpoint" ] || gone "there is no $endpoint"
  # Another program may have the port of a daemon that is gone.
  kill -0 "$(jq .pid "$endpoint")" || gone 'it did not stop properly'
  url=$(jq -r .url "$endpoint") key_file=$(jq -r .key_file "$endpoint")
fi

# Keys and tokens go through pipes: every user can read the arguments of a program.
ask() {
  reply=$(sed 's/^/Authorization: Bearer /' "$key_file" | curl -sS --noproxy '*' -H @- -X "$1" "$url$2") || gone "$url"
  ! printf %s "$reply" | jq -er 'select(.error) | "error: \(.error_description)\nhint: \(.hint)"' >&2 || exit 1
}

call() {
  ask GET "/v1/accounts/$account/token"
  reply=$(printf %s "$reply" | jq -r '"Authorization: Bearer " + .access_token' | curl -sS -H @- -w '\n%{http_code}' "$api")
  status=${reply##*[!0-9]} text=${reply%?"$status"}
}

call
if [ "$status" = 401 ]; then # once: an API that rejects this one, too, has another reason
  ask POST "/v1/accounts/$account/rejected"
  call
fi
[ "$status" = 200 ] || { echo "error: the API answered $status: $text" >&2; exit 1; }
printf '%s\n' "$text"
