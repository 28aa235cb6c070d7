# fish completion for qorb-web(8)

complete -c qorb-web -f
complete -c qorb-web -s H -l host -x -a '(__fish_print_hostnames)' -d 'a name that browsers may call this by'
complete -c qorb-web -s l -l listen -x -d 'address and port'
complete -c qorb-web -l log-level -x -a 'error warn info debug' -d 'what to log'
complete -c qorb-web -l max-backends -x -d 'backends of a pool with figures of their own'
complete -c qorb-web -l max-clients -x -d 'connections to serve at a time'
complete -c qorb-web -s s -l socket -r -F -d 'the socket of the daemon'
complete -c qorb-web -l timeout -x -d 'close a client that is stuck for as long'
complete -c qorb-web -l help -d 'print a summary and exit'
complete -c qorb-web -l version -d 'print the version and exit'
