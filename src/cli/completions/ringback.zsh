#compdef ringback
# Completion of ringback for zsh. `ringback __complete` says what could stand at the cursor.
_ringback() {
    local line word about tab=$'\t'
    local -a candidates
    for line in "${(@f)$(command ringback __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == :files ]]; then
            compset -P '*='
            _files
            return
        elif [[ -n $line ]]; then
            # _describe takes what is before the first colon as the word.
            word=${line%%$tab*} about=
            [[ $line != *$tab* ]] || about=:${line#*$tab}
            candidates+=("${word//:/\\:}$about")
        fi
    done
    (( $#candidates )) && _describe -V ringback candidates
}
if [[ ${funcstack[1]-} == _ringback ]]; then _ringback "$@"; else compdef _ringback ringback; fi
