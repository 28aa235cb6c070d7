/* Peer credentials; see peer.h. */

#include "peer.h"

#include <sys/socket.h>
#include <unistd.h>

bool
peer_of(int fd, struct peer *peer)
{
#if defined(SO_PEERCRED) && defined(__linux__)
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return false;
	peer->pid = cred.pid;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	return true;
#else
	peer->pid = 0;
	return getpeereid(fd, &peer->uid, &peer->gid) == 0;
#endif
}
