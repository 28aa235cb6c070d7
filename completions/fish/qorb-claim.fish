# fish completion for qorb-claim(1)

complete -c qorb-claim -f
complete -c qorb-claim -n 'test (count (commandline -opc)) -gt 1' -a '(__fish_complete_subcommand)'
complete -c qorb-claim -l addr -d 'only say which backend it would be'
complete -c qorb-claim -l backend -x -d 'from this backend alone'
complete -c qorb-claim -s b -l bytes -x -d 'the answer ends after N bytes'
complete -c qorb-claim -s k -l key -x -d 'from the same backend each time that it is given'
complete -c qorb-claim -l lease -x -d 'how long we may have it'
complete -c qorb-claim -s l -l lines -x -d 'the answer ends after N lines'
complete -c qorb-claim -s s -l socket -r -F -d 'the socket of the daemon'
complete -c qorb-claim -l stdio -d 'the connection as descriptors 0 and 1 of PROGRAM'
complete -c qorb-claim -s t -l timeout -x -d 'how long the answer may take in all'
complete -c qorb-claim -s u -l until -x -d 'the answer ends after the first STRING in it'
complete -c qorb-claim -s w -l wait -x -d 'how long to wait for a connection'
complete -c qorb-claim -l help -d 'print a summary and exit'
complete -c qorb-claim -l version -d 'print the version and exit'
