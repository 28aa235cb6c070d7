#ifndef QORB_IO_DNS_PARSE_H
#define QORB_IO_DNS_PARSE_H

/*
 * The wire form of a DNS answer to plain values. By the system's parser
 * (ns_initparse, libresolv) with c-ares before 1.28, whose own one drops TTLs;
 * by c-ares' records from then on. Both read compressed names and stop at
 * loops. An answer is taken whole or not at all: one record that cannot be
 * read makes all of it DNS_GARBAGE.
 */

#include <stddef.h>
#include <stdint.h>

#include <ares.h>

#include "core/dns_answer.h"

/* Whether c-ares hands out parsed records. */
#define DNS_PARSE_RECORDS (ARES_VERSION >= 0x011c00)

/* Fills answer (which holds nothing before) from any bytes; its outcome says
 * how it went. */
void dns_parse(const uint8_t *bytes, size_t len, struct dns_answer *answer);

#if DNS_PARSE_RECORDS
void dns_parse_record(
    const ares_dns_record_t *record, struct dns_answer *answer);
#endif

#endif
