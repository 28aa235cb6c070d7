/* Peer credentials; see peer.h. */

#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* More groups than this no system gives a process. */
#define GROUPS_MAX 65536

bool
peer_of(int fd, struct peer *peer)
{
#if defined(SO_PEERCRED) && defined(__linux__)
	struct ucred cred;
	socklen_t len = sizeof(cred);

	peer->groups = NULL;
	peer->group_count = 0;
	peer->program[0] = '\0';
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return false;
	peer->pid = cred.pid;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	return true;
#else
	peer->groups = NULL;
	peer->group_count = 0;
	peer->program[0] = '\0';
	peer->pid = 0;
	return getpeereid(fd, &peer->uid, &peer->gid) == 0;
#endif
}

const char *
peer_program(struct peer *peer)
{
	char path[64];
	ssize_t n = 0;
	int fd;

	if (peer->program[0] != '\0')
		return peer->program;
	(void)snprintf(path, sizeof(path), "/proc/%ld/comm", (long)peer->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, peer->program, sizeof(peer->program) - 1);
		(void)close(fd);
	}
	peer->program[n > 0 ? n : 0] = '\0';
	peer->program[strcspn(peer->program, "\n")] = '\0';
	if (peer->program[0] == '\0')
		(void)strcpy(peer->program, "?");
	return peer->program;
}

#if defined(SO_PEERGROUPS)
void
peer_get_groups(int fd, struct peer *peer)
{
	socklen_t len = 0;

	/* Asked with no room it says how much is needed. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE || len == 0 || len > GROUPS_MAX * sizeof(gid_t))
		return;
	peer->groups = mem_new(len, 1);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &len) == 0)
		peer->group_count = len / sizeof(gid_t);
}
#else
/* The groups of the user, as the system's tables have them. */
void
peer_get_groups(int fd, struct peer *peer)
{
	const struct passwd *user = getpwuid(peer->uid);
	int count = 64;

	(void)fd;
	while (user != NULL && count <= GROUPS_MAX) {
		int room = count;

		free(peer->groups);
		peer->groups = mem_new((size_t)room, sizeof(gid_t));
		if (getgrouplist(user->pw_name, peer->gid, (void *)peer->groups,
			&count) != -1) {
			peer->group_count = (size_t)count;
			return;
		}
		count = count > room ? count : 2 * room;
	}
}
#endif

void
peer_fini(struct peer *peer)
{
	free(peer->groups);
	peer->groups = NULL;
	peer->group_count = 0;
	peer->program[0] = '\0';
}

bool
peer_is_member(const struct peer *peer, gid_t gid)
{
	if (peer->gid == gid)
		return true;
	for (size_t i = 0; i < peer->group_count; i++) {
		if (peer->groups[i] == gid)
			return true;
	}
	return false;
}
