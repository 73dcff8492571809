'use strict';
'require baseclass';
'require leash.chart as chart';

/* The types of devices: what they are called, and their icons, drawn with lines on 24 by 24. */
const TYPES = {
	'computer': [ _('computer'), 'M4 5h16v10H4zM2 19h20' ],
	'phone': [ _('telephone'), 'M7 2h10v20H7zM11 19h2' ],
	'tablet': [ _('tablet'), 'M4 3h16v18H4zM11 18h2' ],
	'tv': [ _('television'), 'M2 5h20v12H2zM8 21h8' ],
	'speaker': [ _('speaker'), 'M6 2h12v20H6zM12 18a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 6h.1' ],
	'camera': [ _('camera'), 'M3 6h12v9H3zM15 9l6-3v9l-6-3M9 15v5M5 20h8' ],
	'plug': [ _('plug or switch'), 'M8 2v6M16 2v6M5 8h14v4a7 7 0 0 1-14 0zM12 19v3' ],
	'light': [ _('light'), 'M9 17h6M10 21h4M9 17c0-3-4-4-4-9a7 7 0 0 1 14 0c0 5-4 6-4 9' ],
	'thing': [ _('thing of the smart home'), 'M3 11l9-8 9 8v10H3zM12 17a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z' ],
	'printer': [ _('printer'), 'M7 9V3h10v6M3 9h18v8H3zM7 14h10v7H7z' ],
	'router': [ _('router or access point'), 'M3 14h18v6H3zM7 17h.1M12 10v4M8 8a5 5 0 0 1 8 0M5 5a9 9 0 0 1 14 0' ],
	'console': [ _('console'), 'M7 7h10a5 5 0 0 1 3 9l-4-3H8l-4 3a5 5 0 0 1 3-9zM8 10h.1M16 10h.1' ],
	'storage': [ _('disk or server'), 'M4 3h16v8H4zM4 13h16v8H4zM8 7h.1M8 17h.1' ]
};

const UNKNOWN = 'M4 4h16v16H4zM10 10a2 2 0 1 1 2 2.5v1.5M12 17h.1';

return baseclass.extend({
	/* All types with their names, for a choice. */
	types: Object.entries(TYPES).map(([ type, [ name ] ]) => [ type, name ]),

	/* Returns the icon of a type, which says its name. */
	icon(type) {
		const [ name, path ] = TYPES[type] || [ _('unknown device'), UNKNOWN ];
		return chart.svg('svg', { 'class': 'leash-icon', 'viewBox': '0 0 24 24', 'role': 'img' }, [
			chart.svg('title', {}, [ name ]),
			chart.svg('path', { 'd': path })
		]);
	}
});
