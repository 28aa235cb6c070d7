# fish completion for qorb-ctl(1)

# The first column of what the daemon answers, if it does so at once.
function __qorb_ctl_ask
    qorb-ctl --timeout 500ms $argv 2>/dev/null | tail -n +2 | cut -f 1
end

# The words so far but for options: qorb-ctl, the verb, its arguments.
function __qorb_ctl_words
    set skip 0
    for word in (commandline -opc)
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case -s -t --socket --timeout
                set skip 1
            case '-*'
            case '*'
                echo $word
        end
    end
end

# __qorb_ctl_at N VERB ...: the N-th argument of one of these verbs is next.
function __qorb_ctl_at
    set words (__qorb_ctl_words)
    test (count $words) -eq (math $argv[1] + 1)
    and contains -- $words[2] $argv[2..-1]
end

function __qorb_ctl_backends
    set words (__qorb_ctl_words)
    __qorb_ctl_ask backends $words[3]
end

function __qorb_ctl_settings
    set words (__qorb_ctl_words)
    __qorb_ctl_ask policy $words[3] | sed 's/$/=/'
end

complete -c qorb-ctl -f
complete -c qorb-ctl -s j -l json -d 'one JSON object a row and line'
complete -c qorb-ctl -s s -l socket -r -F -d 'the socket of the daemon'
complete -c qorb-ctl -s t -l timeout -x -d 'how long to wait for the answer'
complete -c qorb-ctl -l help -d 'print a summary and exit'
complete -c qorb-ctl -l version -d 'print the version and exit'
complete -c qorb-ctl -n 'test (count (__qorb_ctl_words)) -eq 1' -a 'advertise backends cancel claims drain events hello help metrics pause pick ping policy pools reload release resolve resume revoke set slots stats terminate undrain unwatch watch why withdraw'
complete -c qorb-ctl -n '__qorb_ctl_at 1 advertise backends claims drain events metrics pause pick policy resolve resume set slots stats undrain watch why withdraw' -a '(__qorb_ctl_ask pools)'
complete -c qorb-ctl -n '__qorb_ctl_at 1 help' -a 'advertise backends cancel claims drain events hello metrics pause pick ping policy pools reload release resolve resume revoke set slots stats terminate undrain unwatch watch why withdraw'
complete -c qorb-ctl -n '__qorb_ctl_at 1 revoke' -a '(__qorb_ctl_ask claims)'
complete -c qorb-ctl -n '__qorb_ctl_at 2 drain undrain withdraw' -a '(__qorb_ctl_backends)'
complete -c qorb-ctl -n '__qorb_ctl_at 2 set' -a '(__qorb_ctl_settings)'
complete -c qorb-ctl -n '__qorb_ctl_at 1 terminate' -a 'grace='
complete -c qorb-ctl -n '__qorb_ctl_at 3 withdraw' -a 'addr='
complete -c qorb-ctl -n '__qorb_ctl_at 2 watch' -a 'every='
complete -c qorb-ctl -n '__qorb_ctl_at 2 events' -a 'kinds='
