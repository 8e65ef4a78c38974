# Fills words, cword, cur and prev up to the cursor. Bash takes a line apart at = and :
# too; here pieces without white space between them are one word.
__payctl_words()
{
    local line=${COMP_LINE:0:COMP_POINT} piece trimmed i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        trimmed=${line#"${line%%[![:space:]]*}"}
        if ((i == COMP_CWORD)) && [[ $piece == "$trimmed"* ]]; then
            piece=$trimmed
        fi
        if ((${#words[@]} > 0)) && [[ $trimmed == "$line" && -n $piece ]]; then
            words[${#words[@]}-1]+=$piece
        else
            words+=("$piece")
        fi
        line=${trimmed#"$piece"}
    done
    cword=$((${#words[@]} - 1))
    cur=${words[cword]}
    prev=
    if ((cword > 0)); then
        prev=${words[cword-1]}
    fi
}

# Offers files, with -d directories.
__payctl_files()
{
    local kind=-f
    if [[ ${1-} == -d ]]; then
        kind=-d
    fi
    if [[ $(type -t compopt) == builtin ]]; then
        compopt -o filenames
    fi
    IFS=$'\n' read -ra COMPREPLY -d '' < <(compgen "$kind" -- "$cur")
}
