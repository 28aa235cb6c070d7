#ifndef QORB_CTL_JSON_H
#define QORB_CTL_JSON_H

/*
 * A row as one JSON object on one line. What looks like a number is written as
 * one, digit by digit, but under keys whose values are names; a bare word is
 * true; the counts of an event are an object. Bytes that are no UTF-8 become
 * \xNN in the string.
 */

#include <stdio.h>

#include "client/qorb_client.h"

void json_print(FILE *out, const struct qorb_reply *row);

#endif
