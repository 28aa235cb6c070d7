# fish completion for qorb-echo(1)

complete -c qorb-echo -f
complete -c qorb-echo -l delay -x -d 'wait before each answer (250ms, 5s)'
complete -c qorb-echo -l close-after -x -d 'close a connection once N bytes went back'
complete -c qorb-echo -l fail-rate -x -d 'drop this share of new connections (0.1 or 10%)'
complete -c qorb-echo -l hang-rate -x -d 'never answer this share of the other connections'
complete -c qorb-echo -l seed -x -d 'the same N, the same connections fail and hang'
complete -c qorb-echo -s q -l quiet -d 'do not write a line a connection'
complete -c qorb-echo -s a -l advertise -x -d 'be a backend of this pool'
complete -c qorb-echo -s n -l name -x -d 'name of that backend'
complete -c qorb-echo -s s -l socket -r -F -d 'the socket of the daemon'
complete -c qorb-echo -l help -d 'print a summary and exit'
complete -c qorb-echo -l version -d 'print the version and exit'
