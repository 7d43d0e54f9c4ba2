# Completion of ringback for nushell. `ringback __complete` says what could stand at the cursor. Other commands are
# completed by the external completer that was set before, if there is one.
let ringback_others = ($env.config.completions?.external?.completer? | default null)
$env.config.completions.external.enable = true
$env.config.completions.external.completer = {|spans: list<string>|
    if ($spans | first) == "ringback" {
        let lines = (^ringback __complete -- ...($spans | skip 1) | complete | get stdout | lines)
        # Without a result, nushell completes file names itself.
        if $lines == [":files"] { null } else {
            $lines | each {|line|
                let parts = ($line | split row "\t")
                { value: $parts.0, description: ($parts | get -o 1 | default "") }
            }
        }
    } else if $ringback_others != null {
        do $ringback_others $spans
    }
}
