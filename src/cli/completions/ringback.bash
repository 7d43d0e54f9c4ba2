# Completion of ringback for bash. `ringback __complete` says what could stand at the cursor.
_ringback() {
    local line current=${COMP_WORDS[COMP_CWORD]}
    [ "$current" != = ] || current=
    local -a words=("${COMP_WORDS[@]:1:COMP_CWORD-1}" "$current")
    COMPREPLY=()
    while IFS= read -r line; do
        if [ "$line" = :files ]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
        else
            COMPREPLY+=("${line%%$'\t'*}")
        fi
    done < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)
}
complete -F _ringback ringback
