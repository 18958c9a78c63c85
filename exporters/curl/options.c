/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/curl/options.h"

const weir_option weir_curl_cookies_options[] = {{0}};
