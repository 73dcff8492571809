'use strict';
'require view';
'require dom';
'require leash.api as api';
'require leash.widgets as widgets';
'require leash.words as words';

/* Selects and copies what an element holds. A page that came over plain HTTP has no navigator.clipboard. */
function copy(node) {
	const range = document.createRange();
	range.selectNodeContents(node);
	window.getSelection().removeAllRanges();
	window.getSelection().addRange(range);
	document.execCommand('copy');
}

/* Returns what one types or looks for as it stands; a command of several words with a button that copies it. */
function code(value) {
	const node = E('code', {}, [ value ]);
	const button = () => widgets.button(_('Copy'), () => copy(node), 'neutral', { 'disabled': null });
	return value.includes(' ') ? E('span', {}, [ node, ' ', button() ]) : node;
}

function complaintNode({ severity, message, form, values, remedy }) {
	return E('div', { 'class': 'leash-finding', 'data-strength': severity == 'error' ? 'strong' : 'fair' }, [
		E('p', {}, [ widgets.badge(severity), ' ', form ? words.sentence({ form, values }) : message ]),
		remedy ? E('p', {}, [ _('Remedy:'), ' ', ...words.parts(remedy, code) ]) : ''
	]);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load() {
		return api.doctor().catch(error => error);
	},

	show(answer) {
		const failed = answer instanceof Error;
		const complaints = failed ? [ { severity: 'error', message: answer.message } ] : answer.complaints;
		const well = () => E('p', {}, [
			widgets.badge('allow'), ' ', _('leash sees everything it can, and lacks nothing.')
		]);
		dom.content(this.list, [ ...complaints.length ? complaints.map(complaintNode) : [ well() ] ]);
	},

	render(answer) {
		this.list = E('div', { 'aria-live': 'polite' }, []);
		this.show(answer);
		const again = () => this.load().then(answer => this.show(answer));
		return widgets.page(_('Doctor'), [
			E('div', { 'class': 'cbi-map-descr' }, [
				_('What leash cannot see or do on this router, and how to fix it.')
			]),
			E('div', { 'class': 'cbi-section' }, [ this.list ]),
			widgets.button(_('Check again'), again, 'action', { 'disabled': null })
		]);
	}
});
