# Completion of ringback for fish. `ringback __complete` says what could stand at the cursor.
function __ringback_complete
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l lines (command ringback __complete -- $before[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = :files
        __fish_complete_path (string replace --regex '^--[^=]*=' '' -- "$current")
    else
        printf '%s\n' $lines
    end
end
complete --command ringback --keep-order --no-files --arguments '(__ringback_complete)'
